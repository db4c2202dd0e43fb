"""The shapes world: generated images of textured objects with labels, boxes and masks."""
