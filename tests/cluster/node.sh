# The machine as a node: its bridge, and what containerd and the kubelet are told. `forget_node` takes all of it back.

# Kernel parameters that the kubelet, kube-proxy or we set.
sysctls='vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys
kernel.keys.root_maxbytes net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables'

# Folders that containerd, CNI and the kubelet make outside ours, wherever they are told to work.
strays='/run/containerd /run/netns /var/lib/cni /var/lib/kubelet /var/log/containers'

sysctl_path() { echo "/proc/sys/$(echo "$1" | tr . /)"; }

remember_machine() {
    for name in $sysctls; do
        value=$(cat "$(sysctl_path "$name")" 2>/dev/null) || continue
        echo "$name $value"
    done >"$machine/sysctls"
    for folder in $strays; do
        [ -e "$folder" ] || echo "$folder"
    done >"$machine/strays"
}

make_network() {
    ip link add "$bridge" type bridge
    ip addr add "$address/24" dev "$bridge"
    ip link set "$bridge" up
    # With this route the host's own connections to a Service come from the bridge's address, so that pods can answer.
    ip route add "$services" dev "$bridge"
}

# Pods on one bridge answer each other directly. Where the answer has to be translated back, as that of a Service has, the
# bridge must hand it to iptables.
allow_services() {
    hook=$(sysctl_path net.bridge.bridge-nf-call-iptables)
    [ -e "$hook" ] || modprobe br_netfilter 2>/dev/null || true
    [ -e "$hook" ] || cannot 'the kernel has no br_netfilter, without which pods do not reach Services (NODE=0 goes without)'
    echo 1 >"$hook"
}

write_containerd_config() {
    mkdir -p "$run/cni"
    cat >"$run/cni/bridge.conflist" <<END
{"cniVersion": "0.4.0", "name": "diwan-test", "plugins": [
  {"type": "bridge", "bridge": "$bridge", "isGateway": true, "hairpinMode": true, "ipam": {
    "type": "host-local", "ranges": [[{"subnet": "$pods"}]], "routes": [{"dst": "0.0.0.0/0"}], "dataDir": "$run/addresses"}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
END
    # Only a process with CAP_SYS_RESOURCE may lower an oom score, and root in a sandbox may lack it.
    cat >"$run/containerd.toml" <<END
version = 2
root = "$run/containerd"
state = "$run/containerd-state"
[grpc]
  address = "$containerd_socket"
[plugins."io.containerd.internal.v1.opt"]
  path = "$run/containerd-opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$(reference pause)"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$run/cni"
END
}

# The kubelet makes the pods' cgroups itself, of either version: systemd need not run. Images are never collected, since they
# cannot be pulled again, and a disk evicts no pod before it is really full.
write_kubelet_config() {
    cat >"$run/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $address
healthzBindAddress: 127.0.0.1
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $run/pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $run/pki/kubelet.crt
tlsPrivateKeyFile: $run/pki/kubelet.key
containerRuntimeEndpoint: unix://$containerd_socket
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
oomScoreAdj: 0
evictionHard: {memory.available: 100Mi, nodefs.available: "1%", imagefs.available: "1%"}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
makeIPTablesUtilChains: false
resolvConf: ""
nodeStatusUpdateFrequency: 5s
podLogsDir: $logs/pods
volumePluginDir: $run/volume-plugins
END
}

kill_containers() {
    alive containerd || launch containerd # what it ran outlives it, and only it knows what that is
    await 30 is_ready containerd || return 0
    for task in $(ctr task ls -q); do
        ctr task rm --force "$task" >/dev/null 2>&1 || true
    done
    for container in $(ctr container ls -q); do
        ctr container rm "$container" >/dev/null 2>&1 || true
    done
}

# CNI notes each network that it made, and the namespace that it made it in. A namespace has a note of its loopback too.
remove_network() {
    for namespace in $(grep -ho '"sandbox":"[^"]*' /var/lib/cni/results/diwan-test-* 2>/dev/null | sed 's,.*/,,' | sort -u); do
        ip netns del "$namespace" 2>/dev/null || true
        grep -l "/$namespace\"" /var/lib/cni/results/* | xargs rm -f
    done
    ! ip link show "$bridge" >/dev/null 2>&1 || ip link del "$bridge"
}

# `up` refuses a machine that has such chains, so these are ours. kube-proxy makes those of IPv6 too.
remove_chains() {
    for family in iptables ip6tables; do
        command -v $family-save >/dev/null || continue
        for table in filter nat mangle; do
            remove_chains_of $family $table
        done
    done
}

# They refer to each other, so all are emptied before one is removed.
remove_chains_of() {
    "$1-save" -t "$2" | sed -n '/^-A [A-Z]* .*-j \(KUBE\|CNI\)-/s/^-A/-D/p' |
        while read -r rule; do eval "$1 -t $2 $rule"; done
    for action in -F -X; do
        "$1-save" -t "$2" | sed -n 's/^:\(\(KUBE\|CNI\)-[^ ]*\) .*/\1/p' |
            while read -r chain; do "$1" -t "$2" "$action" "$chain"; done
    done
}

unmount_all() {
    # As the kernel writes it: target/ may be a link.
    place=$(readlink -f "$run")
    awk -v below="$place/" 'index($2, below) == 1 { print $2 }' /proc/mounts | sort -r |
        while read -r mount; do umount -l "$mount"; done
    ! grep -qF " $place/" /proc/mounts || cannot "something is still mounted below $place"
}

remove_cgroups() {
    find /sys/fs/cgroup -depth -type d -path '*/kubepods*' -exec rmdir {} + 2>/dev/null || true
}

restore_machine() {
    while read -r name value; do
        echo "$value" >"$(sysctl_path "$name")"
    done <"$machine/sysctls"
    while read -r folder; do
        rm -rf --one-file-system "$folder"
    done <"$machine/strays"
}

forget_node() {
    [ ! -f "$run/containerd.toml" ] || kill_containers
    stop containerd
    remove_network
    remove_chains
    unmount_all
    remove_cgroups
    restore_machine
}
