"""What runs inside the sandbox, beside a student's code: it knows neither answers nor judge.

The folder is shown to the sandbox as it is; its modules import one another by plain names.
"""
