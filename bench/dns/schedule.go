package main

import "context"

func schedule(ctx context.Context, o options) error { return nil }
func keep(ctx context.Context) error                { return nil }
