package api

import (
	"encoding/json"
	"io"

	"github.com/danielgtaylor/huma/v2"

	"gastown/internal/wire"
)

// formats write every answer, and every problem, without null for a list.
func formats() map[string]huma.Format {
	f := huma.DefaultJSONFormat
	f.Marshal = func(w io.Writer, doc any) error {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		return enc.Encode(wire.Filled(doc))
	}
	return map[string]huma.Format{"application/json": f, "json": f}
}

// withoutNull has the document say so: a list in an answer is one, and not null. Requests may go on leaving lists out
// by null.
func withoutNull(doc *huma.OpenAPI) {
	seen := map[*huma.Schema]bool{}
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Patch, item.Delete} {
			if op == nil {
				continue
			}
			for _, answer := range op.Responses {
				for _, content := range answer.Content {
					listed(doc, content.Schema, seen)
				}
			}
		}
	}
}

func listed(doc *huma.OpenAPI, s *huma.Schema, seen map[*huma.Schema]bool) {
	if s == nil || seen[s] {
		return
	}
	seen[s] = true
	if s.Ref != "" {
		listed(doc, doc.Components.Schemas.SchemaFromRef(s.Ref), seen)
		return
	}
	if s.Type == huma.TypeArray {
		s.Nullable = false
	}
	listed(doc, s.Items, seen)
	if values, ok := s.AdditionalProperties.(*huma.Schema); ok {
		listed(doc, values, seen)
	}
	for _, p := range s.Properties {
		listed(doc, p, seen)
	}
}
