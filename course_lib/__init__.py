"""Tools of the course "Seeing with Gradients": networks, photographs, plots, widgets, self-checks.

The whole public surface stands here.
"""

from course_lib.models import available_models, load_model
from course_lib.photos import available_photos, labelled_photos, load_photo, photo_credits
from course_lib.plots import CaptionedFigure, show_heatmaps, show_images
from course_lib.pretrained_cnn import PretrainedCNN
from course_lib.self_check import check
from course_lib.widgets import explore, predict

__all__ = [
    "CaptionedFigure",
    "PretrainedCNN",
    "available_models",
    "available_photos",
    "check",
    "explore",
    "labelled_photos",
    "load_model",
    "load_photo",
    "photo_credits",
    "predict",
    "show_heatmaps",
    "show_images",
]
