"""Open answers rated blind by people: sheets out, ratings back, agreement between raters."""
