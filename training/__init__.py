"""How the course's own networks were trained and measured; not in the student's wheel."""
