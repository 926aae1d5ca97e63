//go:build tools

// Holds the requirement of go.mod.
package tools

import _ "oras.land/oras/cmd/oras"
