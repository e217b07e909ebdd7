"""The public page of a look that is shared by link: `/l/{token}`, its files, and its oEmbed response."""
