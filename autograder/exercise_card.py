"""The card in front of an exercise, on the page and in the notebook."""

from markdown_it import MarkdownIt


def exercise_card(exercise):
    """The card in front of an exercise: points, minutes, expected number, layered hints."""
    return ExerciseCard(exercise)


class ExerciseCard:
    """Shows itself as HTML on the page and gives Markdown for the notebook."""

    def __init__(self, exercise):
        self.exercise = exercise

    @property
    def heading(self):
        """The card's first line, in Markdown."""
        exercise = self.exercise
        points = f"{exercise.points:g} {'point' if exercise.points == 1 else 'points'}"
        return f"**Exercise `{exercise.name}`** · {points} · about {exercise.minutes} minutes"

    def markdown(self):
        """The whole card in plain Markdown with `<details>` for the hints."""
        hints = [
            f"<details><summary>Hint {number}</summary>\n\n{hint}\n\n</details>"
            for number, hint in enumerate(self.exercise.hints, start=1)
        ]
        return "\n\n".join([self.heading, f"What you should see: {self.exercise.expected}", *hints])

    def _repr_markdown_(self):
        return self.markdown()

    def _repr_html_(self):
        html = MarkdownIt().enable("table").render(self.markdown())
        return f'<div class="exercise-card">\n{html}</div>'
