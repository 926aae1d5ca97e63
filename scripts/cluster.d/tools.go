//go:build tools

// Package tools names the programs built here, so that `go mod tidy` keeps
// every module they need in go.sum.
package tools

import _ "github.com/ipfs-cluster/ipfs-cluster/cmd/ipfs-cluster-service"
