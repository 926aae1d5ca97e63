//go:build tools

// Holds the requirement of go.mod.
package tools

import _ "github.com/docker/compose/v2/cmd"
