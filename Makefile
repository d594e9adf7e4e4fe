# Everything that is run twice has a name here; .ci/run calls the same targets.
build:
	$(PYTHON) -m pip install -q --no-build-isolation --no-deps -e .
