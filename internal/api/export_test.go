package api

// Row is what tests may know of a route.
type Row struct {
	ID, Method, Path, Who, Command string
}

// Rows lists the table of routes.
func Rows() []Row {
	out := make([]Row, len(routes))
	for i := range routes {
		r := &routes[i]
		out[i] = Row{r.id, r.method, r.path, string(r.who), r.command}
	}
	return out
}

// MaxBody is the most that a request may bring.
const MaxBody = maxBody
