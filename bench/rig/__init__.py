"""What benchmarks and tests share: virtual sound cards, network namespaces, a browser, speech."""
