# Only another name for ./landscape, the one door.
.PHONY: check test demo up benchmarks

check test:
	./landscape test

demo:
	./landscape demo

up:
	./landscape up

benchmarks:
	./landscape test --benchmarks
