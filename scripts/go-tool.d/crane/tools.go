//go:build tools

// Holds the requirement of go.mod.
package tools

import _ "github.com/google/go-containerregistry/cmd/crane"
