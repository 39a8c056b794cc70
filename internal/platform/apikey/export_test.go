package apikey

// What only tests may see.
var (
	Split    = split
	Generate = generate
	Compose  = compose
)
