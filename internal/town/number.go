package town

import (
	"fmt"
	"strings"
)

// number prints one of a rule's numbers for the reference: its name, and the value of the constant
// or default that the rule goes by. An array is printed as its elements.
func number(name string, value any) string {
	return name + " " + strings.Trim(fmt.Sprint(value), "[]")
}
