"""View models: what each page reads, typed and plain; handlers fill them, templates only print them."""
