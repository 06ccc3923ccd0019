"""Looking at models that were trained elsewhere: a program of its own, which knows no database and no Django."""
