//go:build tools

// Package tools names the one program built here, so that `go mod tidy` keeps
// every module it needs in go.sum.
package tools

import _ "github.com/opencontainers/runc"
