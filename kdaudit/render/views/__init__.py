"""What each section of the HTML report shows, as plain records of text and geometry; templates only place them."""
