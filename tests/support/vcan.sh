#!/bin/sh
# Runs an already built program where a real kernel has a virtual CAN interface `vcan0`, set up.
#
#   vcan.sh PROGRAM [ARGUMENT...]
#
# Exit status, standard output and standard error are the program's. Where the host kernel has CAN, the program runs in
# a network namespace of its own. Where it has none, Debian's user-mode Linux is booted as an ordinary process on the
# host's root file system, and the program runs as a guest's only task.
#
# Exit status 77: neither is possible here; the reason, with the command that provides it, is the last line on standard
# error. Exit status 78: user-mode Linux was booted, but the program did not come to its end.
#
#   VCAN_KERNEL=host|uml   use this one only
#   VCAN_TIMEOUT=SECONDS   end user-mode Linux after so long (default 600)
set -u

unavailable() {
    echo "$*" >&2
    exit 77
}

# On the host: a namespace, so that neither the interfaces of this machine nor another run are touched.
host() {
    command -v unshare >/dev/null && command -v ip >/dev/null || return 1
    # Nobody but root may load modules; where they are built in or loaded, that is not needed.
    modprobe vcan 2>/dev/null
    modprobe can-raw 2>/dev/null
    unshare --map-root-user --net true 2>/dev/null || return 1
    unshare --map-root-user --net sh -c \
        'ip link add dev vcan0 type vcan && ip link set vcan0 up && test -e /proc/net/can' >/dev/null 2>&1
}

run_on_host() {
    exec unshare --map-root-user --net sh -c \
        'ip link add dev vcan0 type vcan && ip link set vcan0 up && VCAN_KERNEL_USED=host exec "$@"' vcan "$@"
}

# A single-quoted word for the guest's shell.
quoted() {
    printf "'"
    printf '%s' "$1" | sed "s/'/'\\\\''/g"
    printf "' "
}

run_in_uml() {
    kernel=$(command -v linux.uml || command -v linux) ||
        unavailable "the kernel of this machine has no CAN and there is no user-mode Linux: apt-get install user-mode-linux kmod iproute2 can-utils"
    for tool in insmod ip mount; do
        command -v "$tool" >/dev/null || PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null ||
            unavailable "user-mode Linux needs $tool: apt-get install user-mode-linux kmod iproute2 can-utils"
    done
    release=$("$kernel" --version 2>/dev/null | tail -n 1)
    modules=/usr/lib/uml/modules/$release
    [ -d "$modules" ] || unavailable "there are no modules for user-mode Linux $release in $modules: apt-get install user-mode-linux"

    work=$(mktemp -d "${TMPDIR:-/tmp}/vcan.XXXXXX") || unavailable "no temporary directory"
    trap 'rm -rf "$work"' EXIT
    trap 'exit 143' INT TERM HUP

    export -p >"$work/environment"
    {
        echo '#!/bin/sh'
        # The guest shares the host's root: nothing is written there but below the temporary directory.
        echo 'mount -t proc proc /proc && mount -t sysfs sysfs /sys && mount -t devtmpfs devtmpfs /dev'
        echo 'mkdir -p /dev/pts && mount -t devpts devpts /dev/pts'
        echo 'export PATH=/usr/sbin:/usr/bin:/sbin:/bin'
        for module in kernel/net/can/can.ko kernel/net/can/can-raw.ko kernel/drivers/net/can/dev/can-dev.ko \
            kernel/drivers/net/can/vcan.ko; do
            # Several versions pack their modules, or build them in.
            for file in "$modules/$module"*; do
                [ -e "$file" ] && echo "insmod $(quoted "$file")"
            done
        done
        echo 'ip link set lo up'
        echo 'ip link add dev vcan0 type vcan && ip link set vcan0 up'
        echo ". $(quoted "$work/environment")"
        echo 'export PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"'
        echo "cd $(quoted "$PWD")"
        echo 'export VCAN_KERNEL_USED=uml'
        for word in "$@"; do quoted "$word"; done
        echo "</dev/null >$(quoted "$work/stdout") 2>$(quoted "$work/stderr")"
        echo "echo \$? >$(quoted "$work/status")"
        echo 'sync'
        echo 'exec poweroff -f'
    } >"$work/init"
    chmod +x "$work/init"

    timeout --kill-after=5 "${VCAN_TIMEOUT:-600}" "$kernel" mem=512M rootfstype=hostfs rootflags=/ rw \
        init="$work/init" con=null con0=null,fd:1 uml_dir="$work/" umid=vcan </dev/null >"$work/boot" 2>&1

    [ -e "$work/stdout" ] && cat "$work/stdout"
    [ -e "$work/stderr" ] && cat "$work/stderr" >&2
    if [ -s "$work/status" ]; then
        exit "$(cat "$work/status")"
    fi
    tail -n 40 "$work/boot" >&2
    if [ -e "$work/stdout" ]; then
        echo "user-mode Linux ended before the program did" >&2
        exit 78
    fi
    unavailable "user-mode Linux $release does not boot here (its last words are above)"
}

[ $# -gt 0 ] || {
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

case ${VCAN_KERNEL:-} in
'') if host; then run_on_host "$@"; else run_in_uml "$@"; fi ;;
host) if host; then run_on_host "$@"; else unavailable "the kernel of this machine has no CAN: modprobe vcan can-raw"; fi ;;
uml) run_in_uml "$@" ;;
*)
    echo "VCAN_KERNEL is host or uml, not $VCAN_KERNEL" >&2
    exit 2
    ;;
esac
