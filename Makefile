# The same two commands for those who like make; ARGS are passed on: make test ARGS="-k magics"
.PHONY: setup lab test docs
setup lab test docs:
	python3 dev.py $@ $(ARGS)
