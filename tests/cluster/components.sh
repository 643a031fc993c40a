# What is started, with which flags. KUBE_APISERVER_FLAGS and the like add some to any of them.

extra() { eval "printf %s \"\${$(echo "$1" | tr a-z- A-Z_)_FLAGS:-}\""; }

# component NAME FLAG...
component() {
    # shellcheck disable=SC2046 # words on purpose
    start "$1" "$bin/kubedev" "$@" $(extra "$1")
    await_ready "$1"
    say "$1"
}

# It does not wait for the disk: a killed process loses nothing by that, only a machine that stops would.
run_etcd() {
    component etcd --data-dir "$run/etcd" --unsafe-no-fsync --log-level warn
}

run_apiserver() {
    component kube-apiserver --etcd-servers http://127.0.0.1:2379 --bind-address "$address" --secure-port 6443 \
        --tls-cert-file "$run/pki/kube-apiserver.crt" --tls-private-key-file "$run/pki/kube-apiserver.key" \
        --client-ca-file "$run/pki/ca.crt" --cert-dir "$run/pki" --authorization-mode Node,RBAC \
        --enable-admission-plugins NodeRestriction --allow-privileged \
        --service-cluster-ip-range "$services" --service-account-issuer https://kubernetes.default.svc \
        --service-account-key-file "$run/pki/service-accounts.key" \
        --service-account-signing-key-file "$run/pki/service-accounts.key" \
        --kubelet-client-certificate "$run/pki/admin.crt" --kubelet-client-key "$run/pki/admin.key" \
        --kubelet-certificate-authority "$run/pki/ca.crt" --kubelet-preferred-address-types InternalIP \
        --proxy-client-cert-file "$run/pki/front-proxy.crt" --proxy-client-key-file "$run/pki/front-proxy.key" \
        --requestheader-client-ca-file "$run/pki/ca.crt" --requestheader-allowed-names front-proxy \
        --requestheader-username-headers X-Remote-User --requestheader-group-headers X-Remote-Group \
        --requestheader-extra-headers-prefix X-Remote-Extra-
}

# controller NAME FLAG...: a client of the API server. Alone of its kind, so it need not be elected.
controller() {
    name=$1
    shift
    component "$name" --kubeconfig "$run/kubeconfig/$name" --authentication-kubeconfig "$run/kubeconfig/$name" \
        --authorization-kubeconfig "$run/kubeconfig/$name" --bind-address 127.0.0.1 --cert-dir "$run/pki" \
        --leader-elect=false "$@"
}

run_controllers() {
    controller kube-controller-manager --use-service-account-credentials --root-ca-file "$run/pki/ca.crt" \
        --service-account-private-key-file "$run/pki/service-accounts.key" \
        --cluster-signing-cert-file "$run/pki/ca.crt" --cluster-signing-key-file "$run/pki/ca.key"
    controller kube-scheduler
}

run_containerd() {
    write_containerd_config
    start containerd containerd --config "$run/containerd.toml"
    await_ready containerd
    say containerd
}

run_kubelet() {
    write_kubelet_config
    component kubelet --config "$run/kubelet.yaml" --kubeconfig "$run/kubeconfig/kubelet" --root-dir "$run/kubelet" \
        --cert-dir "$run/pki" --hostname-override "$node" --node-ip "$address"
}

# The flags of zeros leave the kernel's connection tracking as it is.
run_proxy() {
    component kube-proxy --kubeconfig "$run/kubeconfig/kube-proxy" --hostname-override "$node" --proxy-mode iptables \
        --bind-address "$address" --cluster-cidr "$pods" --healthz-bind-address 127.0.0.1:10256 \
        --metrics-bind-address 127.0.0.1:10249 --iptables-localhost-nodeports=false --oom-score-adj 0 \
        --conntrack-max-per-core 0 --conntrack-tcp-timeout-established 0 --conntrack-tcp-timeout-close-wait 0
}
