package config

import (
	"embed"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
)

// sources are the files that declare the tree, for their comments.
//
//go:embed config.go auth.go redis.go upstream.go cache.go limits.go passthrough.go cors.go telemetry.go jobs.go flags.go records.go
var sources embed.FS

// comments returns what the sources say of each type ("View") and field
// ("View.Fresh"), on one line each. The operators' documentation is made of them,
// so that it cannot differ from the code's.
func comments() map[string]string {
	all := map[string]string{}
	files, err := sources.ReadDir(".")
	if err != nil {
		return all // embedded above; a test counts what is found
	}
	for _, entry := range files {
		source, err := sources.ReadFile(entry.Name())
		if err != nil {
			continue // listed just now
		}
		file, err := parser.ParseFile(token.NewFileSet(), entry.Name(), source, parser.ParseComments)
		if err != nil {
			continue // it was compiled
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				addFields(all, spec)
			}
			return true
		})
	}
	return all
}

func addFields(all map[string]string, spec *ast.TypeSpec) {
	structure, ok := spec.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, field := range structure.Fields.List {
		for _, name := range field.Names {
			all[spec.Name.Name+"."+name.Name] = strings.Join(strings.Fields(field.Doc.Text()), " ")
		}
	}
}
