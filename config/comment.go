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
//go:embed config.go auth.go upstream.go cache.go
var sources embed.FS

// comments returns what the sources say of each type ("View") and field
// ("View.Fresh"), on one line each. The operators' documentation is made of them,
// so that it cannot differ from the code's.
func comments() map[string]string {
	all := map[string]string{}
	for _, name := range []string{"config.go", "auth.go", "upstream.go", "cache.go"} {
		source, err := sources.ReadFile(name)
		if err != nil {
			continue // embedded above; a test counts what is found
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ParseComments)
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
