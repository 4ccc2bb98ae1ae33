"""They measure and print; they decide nothing."""
