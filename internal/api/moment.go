package api

import (
	"fmt"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"gastown/internal/town"
)

// moment is a time in a query; zero if there is none.
type moment struct{ town.Time }

// inOrder refuses a filter that ends before it begins.
func inOrder(from, to moment) error {
	if to.Time == 0 || from.Time <= to.Time {
		return nil
	}
	why := fmt.Sprintf("is %s, must not be before from, %s", to, from)
	return huma.Error422UnprocessableEntity("to: "+why, &huma.ErrorDetail{Location: "query.to", Message: why})
}

// maxExplained is how many mistakes the detail of a problem names; its errors have all.
const maxExplained = 5

// explained says in the detail of a problem what is wrong and how it must be, which otherwise only its errors do.
func explained(_ huma.Context, _ string, v any) (any, error) {
	p, ok := v.(*huma.ErrorModel)
	if !ok || p.Detail != "validation failed" || len(p.Errors) == 0 {
		return v, nil
	}
	var words []string
	for _, d := range p.Errors {
		d.Message = inWords(d.Message)
		words = append(words, field(d.Location)+": "+d.Message)
	}
	if n := len(words); n > maxExplained {
		words = append(words[:maxExplained], fmt.Sprintf("and %d more", n-maxExplained))
	}
	p.Detail = strings.Join(words, "; ")
	return p, nil
}

// field is a location without the part of the request that it is in, unless it is all of that.
func field(location string) string {
	if _, name, ok := strings.Cut(location, "."); ok {
		return name
	}
	return location
}

// inWords says how something must be where the message says only that it is wrong.
func inWords(message string) string {
	switch {
	case message == validation.MsgExpectedRFC3339DateTime:
		return "must be " + town.TimeForm
	case message == validation.MsgExpectedInteger, message == "invalid integer":
		return "must be a whole number"
	}
	return strings.TrimPrefix(message, "invalid value: ")
}
