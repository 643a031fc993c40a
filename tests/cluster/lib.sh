# What the commands of tests/cluster share: where things are, how to speak, how to start, await and stop a process.
# Sourced by them after `set -eu`.

here=$(cd "$(dirname "$0")" && pwd)
cache=$(cd "$here/../.." && pwd)/target/cluster
bin=$cache/bin
images=$cache/images

# One cluster a machine, whatever checkout started it: the addresses, ports and cgroups are the machine's. What `down` needs
# is here, not below target/, which may be cleaned away; and the socket, whose path may have no more than 107 characters.
machine=/run/diwan-cluster
containerd_socket=$machine/containerd.sock
run=$(cat "$machine/run" 2>/dev/null || echo "$cache/run")
logs=$run/log

# The node's address is the bridge's: pods and the host reach the API server there, other machines do not.
bridge=diwan0
address=10.244.0.1
pods=10.244.0.0/24
services=10.96.0.0/16
first_service=10.96.0.1 # Kubernetes gives it to the API server itself
node=node
api=https://$address:6443

cannot() {
    printf '%s: %s\n' "tests/cluster/$(basename "$0")" "$*" >&2
    exit 1
}

# What a command says is not what it prints: `eval "$(tests/cluster/up)"` works.
began=$(date +%s%N)
say() {
    tenths=$((($(date +%s%N) - began) / 100000000))
    printf '%3d.%d s  %s\n' $((tenths / 10)) $((tenths % 10)) "$*" >&2
}

# await SECONDS COMMAND...: until the command succeeds; false when it has not within that time.
await() {
    deadline=$(($(date +%s) + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$(date +%s)" -lt "$deadline" ] || return 1
        sleep 0.1
    done
}

kubectl() { "$bin/kubectl" --kubeconfig "$run/kubeconfig/admin" "$@"; }
ctr() { command ctr --address "$containerd_socket" --namespace k8s.io "$@"; }

is_up() { [ -d "$machine" ]; }

# When a process began, in the kernel's ticks: with its number, this names one process ever. None for one that has ended and
# whose parent does not look (state Z).
birth() { sed -n 's/.*) [^Z] //p' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 19; }

alive() {
    [ -f "$machine/pids/$1" ] || return 1
    read -r pid birth <"$machine/pids/$1"
    [ "$(birth "$pid")" = "$birth" ]
}

# start NAME COMMAND...: in a session of its own, with a log. The command is kept, so that `restart` can run it again.
start() {
    name=$1
    shift
    {
        printf 'exec'
        for word in "$@"; do
            printf " '%s'" "$(printf %s "$word" | sed "s/'/'\\\\''/g")"
        done
        echo
    } >"$machine/commands/$name"
    launch "$name"
}

launch() {
    setsid sh "$machine/commands/$1" >>"$logs/$1" 2>&1 </dev/null &
    echo "$! $(birth $!)" >"$machine/pids/$1"
}

# stop NAME [SIGNAL]: after 10 seconds with KILL. Nothing that runs is no error.
stop() {
    if alive "$1"; then
        kill -s "${2:-TERM}" "$pid"
        await 10 is_gone "$1" || kill -s KILL "$pid"
        await 10 is_gone "$1" || cannot "$1 (process $pid) does not end"
    fi
    rm -f "$machine/pids/$1"
}

is_gone() { ! alive "$1"; }

ask() { curl --silent --fail --max-time 5 --cacert "$run/pki/ca.crt" "$@"; }

is_ready() {
    case $1 in
    etcd) ask http://127.0.0.1:2379/health ;;
    kube-apiserver) ask --cert "$run/pki/admin.crt" --key "$run/pki/admin.key" "$api/readyz" ;;
    kube-controller-manager) ask --insecure https://127.0.0.1:10257/healthz ;;
    kube-scheduler) ask --insecure https://127.0.0.1:10259/readyz ;;
    containerd) ctr version ;;
    kubelet) ask http://127.0.0.1:10248/healthz ;;
    kube-proxy) ask http://127.0.0.1:10256/healthz ;;
    esac
}

is_ready_or_gone() { is_gone "$1" || is_ready "$1"; }

await_ready() {
    await 120 is_ready_or_gone "$1" && alive "$1" && return
    tail -n 20 "$logs/$1" >&2
    cannot "$1 did not get ready; its log is $logs/$1"
}
