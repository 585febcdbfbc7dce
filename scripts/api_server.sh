#!/bin/sh
# Builds a Kubernetes API server and its etcd from their Go modules into a directory, some ten minutes on two cores: to
# try deploy/k8s against the real thing. What is there is kept. Nothing else of a cluster is built.
#
# scripts/api_server.sh DIR
set -eu
export CGO_ENABLED=0 GOFLAGS=-mod=mod
kubernetes=34.4 etcd=v3.6.13
[ $# -eq 1 ] || { echo "usage: $0 DIR" >&2 && exit 2; }
PATH=$PATH:/usr/local/go/bin
command -v go >/dev/null || { echo "api_server: go is not installed" >&2 && exit 1; }
mkdir -p "$1"
target=$(cd "$1" && pwd)
[ ! -x "$target/kube-apiserver" ] || [ ! -x "$target/etcd" ] || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir server store
go mod init example.com/server >/dev/null 2>&1
go mod edit -require "k8s.io/kubernetes@v1.$kubernetes"
# Kubernetes names its parts by a version that only its own tree has.
for part in api apiextensions-apiserver apimachinery apiserver cli-runtime client-go cloud-provider cluster-bootstrap code-generator \
    component-base component-helpers controller-manager cri-api cri-client csi-translation-lib dynamic-resource-allocation \
    endpointslice externaljwt kms kube-aggregator kube-controller-manager kube-proxy kube-scheduler kubectl kubelet metrics \
    mount-utils pod-security-admission sample-apiserver sample-cli-plugin sample-controller; do
    go mod edit -replace "k8s.io/$part=k8s.io/$part@v0.$kubernetes"
done
printf 'package main\nimport _ "k8s.io/kubernetes/cmd/kube-apiserver/app"\nfunc main() {}\n' >server/main.go
go mod tidy >/dev/null 2>&1 || { echo "api_server: the modules could not be fetched" >&2 && exit 1; }
echo "api_server: building kube-apiserver 1.$kubernetes"
go build -o "$target/kube-apiserver" k8s.io/kubernetes/cmd/kube-apiserver
echo "api_server: building etcd $etcd"
printf 'package main\nimport (\n"os"\n"go.etcd.io/etcd/server/v3/etcdmain"\n)\nfunc main() { etcdmain.Main(os.Args) }\n' >store/main.go
go get "go.etcd.io/etcd/server/v3@$etcd" >/dev/null 2>&1
go build -o "$target/etcd" ./store
