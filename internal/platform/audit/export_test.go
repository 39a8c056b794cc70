package audit

// Book lets the tests hold the sentences to what a reader may expect.
var Book = book
