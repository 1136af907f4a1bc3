"""The main job on this machine without any API key: keywords in, report and audit out."""
