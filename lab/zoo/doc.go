// Package zoo keeps the shapes that zones have in the wild: those that work, those that people, providers and registries break, and those
// with which servers lie. Each is a few lines that build it in a small world of real servers on loopback, and what a true analysis says
// of it. Who judges zones runs its engine through Shapes.
package zoo
