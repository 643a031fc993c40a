# Certificates and kubeconfigs, new with each cluster. Elliptic curves, since eight RSA keys take seconds.

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$run/pki/$1.key"; }

# certificate NAME SUBJECT ALTERNATIVE_NAMES USES
certificate() {
    key "$1"
    printf 'subjectAltName=%s\nextendedKeyUsage=%s\n' "$3" "$4" >"$run/pki/extensions"
    openssl req -new -key "$run/pki/$1.key" -subj "$2" |
        openssl x509 -req -CA "$run/pki/ca.crt" -CAkey "$run/pki/ca.key" -days 30 \
            -extfile "$run/pki/extensions" -out "$run/pki/$1.crt" 2>>"$logs/pki"
}

# The parts are in the file itself, so that a copy of it works anywhere, in a pod too.
kubeconfig() {
    cat >"$run/kubeconfig/$1" <<END
apiVersion: v1
kind: Config
current-context: diwan-test
contexts: [{name: diwan-test, context: {cluster: diwan-test, user: $1}}]
clusters: [{name: diwan-test, cluster: {server: "$api", certificate-authority-data: $(base64 -w 0 "$run/pki/ca.crt")}}]
users:
- name: $1
  user:
    client-certificate-data: $(base64 -w 0 "$run/pki/$1.crt")
    client-key-data: $(base64 -w 0 "$run/pki/$1.key")
END
}

make_pki() {
    key ca
    openssl req -x509 -new -key "$run/pki/ca.key" -subj /CN=diwan-test -days 30 -out "$run/pki/ca.crt"
    key service-accounts
    certificate kube-apiserver /CN=kube-apiserver "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,\
DNS:kubernetes.default.svc,IP:127.0.0.1,IP:$address,IP:$first_service" serverAuth
    certificate kubelet "/O=system:nodes/CN=system:node:$node" "DNS:$node,IP:$address" serverAuth,clientAuth
    certificate admin /O=system:masters/CN=admin DNS:admin clientAuth
    certificate kube-controller-manager /CN=system:kube-controller-manager DNS:controllers clientAuth
    certificate kube-scheduler /CN=system:kube-scheduler DNS:scheduler clientAuth
    certificate kube-proxy /CN=system:kube-proxy DNS:proxy clientAuth
    certificate front-proxy /CN=front-proxy DNS:front-proxy clientAuth
    for user in admin kubelet kube-controller-manager kube-scheduler kube-proxy; do
        kubeconfig "$user"
    done
}
