"""Free looks at the cloud: media, jobs already made."""
