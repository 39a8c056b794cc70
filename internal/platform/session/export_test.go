package session

// Parse reads a cookie.
var Parse = parse
