"""A real audit: students of clean and flawed teachers on the complete Fashion-MNIST."""
