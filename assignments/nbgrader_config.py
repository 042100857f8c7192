"""The course directory's nbgrader configuration: ``nbgrader autograde NAME`` judges as ``autograder grade NAME`` does."""

from autograder.nbgrader_bridge import configure

c = get_config()
c.CourseDirectory.course_id = "cs231n-lite"
configure(c)
