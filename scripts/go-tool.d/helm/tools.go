//go:build tools

// Holds the requirement of go.mod.
package tools

import _ "helm.sh/helm/v3/cmd/helm"
