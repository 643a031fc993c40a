# What a cluster is made of: Debian's packages, the program of Kubernetes' components, the images that every cluster has.
# All but the packages is below target/cluster, and is made again only when what it is made of has changed.

# What pods call an image. The tag is not `latest`, so that the kubelet takes the image that is there and pulls none.
reference() { echo "diwan.test/$1:1"; }

# unchanged NAME TEXT...: whether NAME was last made of this text; `made` says that it was.
unchanged() { [ -e "$cache/$1" ] && [ "$(cat "$cache/$1.made" 2>/dev/null)" = "$2" ]; }
made() { echo "$2" >"$cache/$1.made"; }

checksum() { cat "$@" | sha256sum | cut -d ' ' -f 1; }

packages_missing() {
    command -v containerd >/dev/null || echo containerd
    command -v iptables >/dev/null || echo iptables
    [ -e /usr/lib/cni/bridge ] || echo containernetworking-plugins
    busybox_is_static || echo busybox-static
}

busybox_is_static() { [ -e /bin/busybox ] && ! ldd /bin/busybox >/dev/null 2>&1; }

install_packages() {
    missing=$(packages_missing | paste -sd ' ')
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || cannot "these are missing: $missing"
    say "install $missing"
    apt update
    # shellcheck disable=SC2086 # words on purpose
    apt install --yes --no-install-recommends $missing
}

apt() {
    DEBIAN_FRONTEND=noninteractive apt-get "$@" >>"$cache/apt.log" 2>&1 || cannot "apt-get $* failed: see $cache/apt.log"
}

# The toolchain is the one that is there (none is downloaded), and the program needs no C library.
build_kubedev() {
    sources=$(checksum "$here/kubedev/go.mod" "$here/kubedev/go.sum" "$here/kubedev/main.go")
    unchanged bin/kubedev "$sources" && return
    command -v go >/dev/null || cannot 'go is missing: install Go 1.25 or later'
    say 'build the components: a quarter of an hour the first time'
    (cd "$here/kubedev" && GOTOOLCHAIN=local CGO_ENABLED=0 \
        go build -trimpath -buildvcs=false -ldflags "-s -w $(version_flags)" -o "$bin/kubedev" .) ||
        cannot 'kubedev does not build'
    made bin/kubedev "$sources"
}

# Kubernetes does not know its version but by the linker.
version_flags() {
    version=$(sed -n 's,.*k8s.io/kubernetes \(v1\.[0-9.]*\)$,\1,p' go.mod)
    minor=${version#v1.}
    for variable in gitVersion="$version" gitMajor=1 gitMinor="${minor%%.*}"; do
        printf ' -X k8s.io/component-base/version.%s' "$variable"
    done
}

write_kubectl() {
    printf '#!/bin/sh\nexec "%s" kubectl "$@"\n' "$bin/kubedev" >"$bin/kubectl"
    chmod +x "$bin/kubectl"
}

# build_image NAME WHAT_IT_IS_MADE_OF CMD...: of the root folder that the function root_NAME fills.
build_image() {
    name=$1
    sources="$(checksum "$here/archive.py" "$here/root") $2"
    shift 2
    unchanged "images/$name" "$sources" && return
    say "build the image $name"
    folder=$(mktemp -d)
    "root_$name" "$folder"
    python3 "$here/archive.py" "$images/$name" "$(reference "$name")" "$folder" "$@"
    rm -rf "$folder"
    made "images/$name" "$sources"
}

compile() {
    command -v cc >/dev/null || cannot 'cc is missing: install a C compiler (Debian: apt-get install build-essential)'
    cc -Os -Wall -static -s -o "$2" "$here/images/$1.c"
}

root_pause() { compile pause "$1/pause"; }
root_distroless() { compile steps "$1/steps"; }
root_busybox() { "$here/root" busybox "$1"; }
root_python() { "$here/root" busybox "$1" && "$here/root" python "$1"; }

build_images() {
    command -v python3 >/dev/null || cannot 'python3 is missing'
    build_image pause "$(checksum "$here/images/pause.c")" /pause
    build_image distroless "$(checksum "$here/images/steps.c")" /steps
    build_image busybox "$(checksum /bin/busybox)" sh
    build_image python "$(checksum /bin/busybox) $(python3 -c 'import sys; print(sys.base_prefix, sys.version)')" python3
}

prepare() {
    mkdir -p "$bin" "$images"
    if [ "$1" != 0 ]; then
        install_packages
        build_images
    fi
    build_kubedev
    write_kubectl
}

import_images() {
    for name in pause distroless busybox python; do
        ctr image import "$images/$name" >/dev/null
    done
    say 'images'
}
