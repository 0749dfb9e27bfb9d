"""A trained network on pictures, videos and the camera."""
