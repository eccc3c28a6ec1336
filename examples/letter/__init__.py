"""Tables: letters told apart by sixteen numbers, and a teacher that was taught some of them wrong."""
