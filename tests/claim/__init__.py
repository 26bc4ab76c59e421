"""Random sites, views and visitors, with the site without pagecache as the judge of every answer.

An answer is what that visitor would have got from the view. `python -m tests.claim 10000` judges so many sites and
prints what it saw.
"""
