"""What Toxiproxy's API answers, as data (the files beside this one), held against the real server and against ours."""
