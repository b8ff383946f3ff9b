//! What must hold of the mistakes of any document.

use bmscheck::document::Diagnostics;

/// Every mistake stands somewhere in its text, and can be shown.
pub fn have_places(diagnostics: &Diagnostics) {
    for diagnostic in &diagnostics.items {
        assert!(!diagnostic.labels.is_empty(), "{diagnostic:?}");
        for label in &diagnostic.labels {
            let end = label.source.text.len();
            assert!(label.span.start <= label.span.end && label.span.end <= end, "{diagnostic:?}");
        }
    }
    let _ = diagnostics.render_plain();
}
