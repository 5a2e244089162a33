"""The door for dossier sheets: a file comes in whole, each of its rows is judged alone."""
