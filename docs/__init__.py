"""The site: pages, and the code that writes its reference and takes its screenshots."""
