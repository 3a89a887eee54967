"""How the rules of states are judged: a module for each family of them, a function for each rule."""
