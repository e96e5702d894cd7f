"""De-identification: headers (PS3.15, annex E), and pictures in which text is burned."""
