"""The reference answers, one module a chapter, each with the wrong answers that people give."""
